today-needs = Das braucht Sie
today-needs-nothing = Zurzeit braucht nichts Ihre Aufmerksamkeit.
today-choose-mails = Worüber Sie E-Mails bekommen
today-live = Gerade
today-live-count = { $talking ->
    [one] 1 Gespräch
   *[other] { $talking } Gespräche
}, { $ringing ->
    [one] 1 Anruf klingelt
   *[other] { $ringing } Anrufe klingeln
}; höchstens { $most } zugleich.
today-appointments = Termine heute
today-appointments-none = Heute steht kein Termin an.
today-now = gerade
today-held = vorgemerkt
today-pending = wird eingetragen
today-clashing = Überschneidung
today-yesterday = Gestern, { $date }
today-line = Anrufe der letzten { $days } Tage: { $calls }
today-figures = Alle Zahlen ansehen

# Was jemanden braucht
notice-calendar-cut-off = { $waiting ->
    [0] Kein Zugriff auf die Kalender von { $name } seit { $since }. Anrufende hören, dass die Bestätigung folgt.
    [one] Kein Zugriff auf die Kalender von { $name } seit { $since }. Anrufende hören, dass die Bestätigung folgt; 1 Anfrage wartet.
   *[other] Kein Zugriff auf die Kalender von { $name } seit { $since }. Anrufende hören, dass die Bestätigung folgt; { $waiting } Anfragen warten.
}
notice-calendar-gone = Der Kalender „{ $name }“ ist nicht mehr da, zuletzt abgeglichen { $since }. Was dort einzutragen ist, wartet.
notice-clashes = { $count ->
    [one] Eine Überschneidung im Kalender, seit { $since }.
   *[other] { $count } Überschneidungen im Kalender, die älteste seit { $since }.
}
notice-limit-reached = { $count ->
    [one] Ein Anruf hörte, dass alle Leitungen belegt sind ({ $since }).
   *[other] { $count } Anrufe hörten, dass alle Leitungen belegt sind, zuletzt { $since }.
}
notice-limit-near = { $count ->
    [one] Gerade läuft 1 Anruf: Mehr nimmt die Assistenz bald nicht an.
   *[other] Gerade laufen { $count } Anrufe: Mehr nimmt die Assistenz bald nicht an.
}
notice-reminders-failed = { $count ->
    [one] An einen Termin konnte nicht erinnert werden.
   *[other] An { $count } Termine konnte nicht erinnert werden.
}
notice-number-without-assistant = Unter { $name } nimmt niemand ab: Es ist keine Assistenz zugeordnet.
notice-number-not-set-up = { $name } klingelt nicht hier: Die Einrichtung beim Telefonanbieter ist gescheitert.
notice-messages = { $count ->
    [one] Eine Nachricht wartet seit { $since } auf Rückruf.
   *[other] { $count } Nachrichten warten auf Rückruf, die älteste seit { $since }.
}
notice-webhook-dead = { $count ->
    [one] Eine Zustellung an ein Programm ist gescheitert ({ $since }).
   *[other] { $count } Zustellungen an ein Programm sind gescheitert, seit { $since }.
}
notice-act-calendar-cut-off = Neu verbinden
notice-act-calendar-gone = Anderen Kalender wählen
notice-act-clashes = Termine ansehen
notice-act-limit-reached = Anrufe ansehen
notice-act-limit-near = Anrufe ansehen
notice-act-reminders-failed = Termine ansehen
notice-act-number-without-assistant = Assistenz zuordnen
notice-act-number-not-set-up = Rufnummer ansehen
notice-act-messages = Nachrichten ansehen
notice-act-webhook-dead = Zustellungen ansehen

# Pause
banners = Hinweise
banner-paused = Die Assistenz ist pausiert, { $until }. Anrufe gehen an die Ersatznummer oder auf die Mailbox.
banner-paused-numbers = { $count ->
    [one] Die Assistenz ist an einer Rufnummer pausiert.
   *[other] Die Assistenz ist an { $count } Rufnummern pausiert.
}
banner-paused-act = Pause ansehen
pause-title = Pause
pause-what = Die Assistenz tritt zurück: Anrufe gehen an die Ersatznummer; ohne Ersatznummer auf die Mailbox.
pause-where = Wo
pause-everywhere = An allen Rufnummern
pause-how-long = Wie lange
pause-for-hour = Eine Stunde
pause-for-day = Bis Mitternacht
pause-for-morning = Bis morgen, 8:00 Uhr
pause-for-open = Bis ich sie beende
pause-fallback = Ersatznummer
pause-fallback-hint = Zum Beispiel ein Mobiltelefon. Bleibt das Feld leer, gilt die zuletzt gewählte.
pause-begin = Assistenz pausieren
pause-end = Pause beenden
pause-until = bis { $when }
pause-open-end = bis jemand sie beendet
pause-done = Die Assistenz ist pausiert, { $until }.
pause-over = Die Pause ist beendet. Die Assistenz nimmt wieder ab.
fault-for = Wählen Sie, wie lange die Pause dauert.
fault-fallback-number = Diese Rufnummer ist auf Ihre Assistenz umgeleitet; Anrufende kämen im Kreis zurück. Geben Sie eine Nummer ohne Umleitung ein, zum Beispiel eine Mobilnummer, oder prüfen Sie die Rufumleitung noch einmal, wenn sie ausgeschaltet ist.
