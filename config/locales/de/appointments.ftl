# Woche und Tag
appointments-new = Neuer Termin
appointments-new-on = Neuer Termin: { $day }
appointments-stranded = { $count ->
    [one] Ein Termin liegt, wo niemand da ist. Entscheiden Sie, was damit geschieht.
   *[other] { $count } Termine liegen, wo niemand da ist. Entscheiden Sie, was damit geschieht.
}
appointments-conflicts = { $count ->
    [one] Eine Überschneidung: Zweierlei braucht dieselbe Zeit.
   *[other] { $count } Überschneidungen: Zweierlei braucht dieselbe Zeit.
}
appointments-earlier = Früher
appointments-later = Später
appointments-today = Zu heute
appointments-week = Woche
appointments-day = Tag
appointments-date = Datum
appointments-time = Uhrzeit
appointments-with = Bei
appointments-show = Anzeigen
appointments-everybody = Alle
appointments-anybody = Wer frei ist
appointments-none = Hier ist nichts gebucht.
appointments-somebody = Jemand
appointments-held-until = Vorgemerkt bis { $until }
appointments-clashing = Überschneidung
appointments-busy = Belegt
appointments-unknown = Noch nicht bekannt
appointments-back = Alle Termine
appointments-no-services = Noch lässt sich nichts buchen. Legen Sie zuerst fest, was bei Ihnen gebucht wird und wann:
status-held = vorgemerkt
status-pending = wird eingetragen
status-confirmed = gebucht
status-cancelled = abgesagt
closure-closing = Geschlossen
closure-holiday = Feiertag
closure-absence = Abwesend

# Ein Termin
appointment-title = Termin: { $who }
appointment-title-nobody = Termin
appointment-about = Zu diesem Termin
appointment-service = Terminart
appointment-seats = Plätze
appointment-contact = Kontakt
appointment-history = Verlauf
appointment-move = Verschieben
appointment-do-move = Termin verschieben
appointment-moved = Verschoben auf { $when }.
appointment-offered = Stattdessen frei:
appointment-why = Warum ist diese Zeit nicht frei?
appointment-note = Notiz
appointment-note-label = Was das Team wissen soll
appointment-note-hint = Anrufende erfahren das nie.
appointment-noted = Die Notiz ist gespeichert.
appointment-save = Speichern
appointment-keep = Behalten
appointment-cancel = Termin absagen
appointment-cancel-what = Die Zeit wird frei, und der Eintrag wird aus dem Kalender genommen. Die Zeile im Verlauf bleibt. Das lässt sich nicht rückgängig machen; ein neuer Termin lässt sich anlegen.
appointment-do-cancel = Termin absagen
appointment-cancelled = Der Termin ist abgesagt.
appointment-name = Name
appointment-number = Rufnummer
appointment-number-hint = Damit wird die Person erkannt, wenn sie anruft, und kann angerufen werden.
appointment-for = Für { $name }
appointment-do-book = Termin buchen
appointment-booked = Gebucht für { $when }.
fault-time = Geben Sie die Uhrzeit so ein: 14:30.
fault-service = Wählen Sie eine Terminart.
fault-note = Kürzen Sie die Notiz auf 2.000 Zeichen.
step-booked = gebucht
step-confirmed = im Kalender eingetragen
step-moved = verschoben
step-cancelled = abgesagt
step-undone = zurückgenommen, im Kalender war schon etwas anderes
by-you = von Ihnen
by-team = von Ihrem Team
by-call = im Gespräch
by-program = von einem Programm
by-calendar = im Kalender
by-operator = vom Betreiber
by-system = von frontdesk

# Überschneidungen
conflicts-title = Überschneidungen
conflicts-lead = Zweierlei braucht dieselbe Zeit. Sehen Sie sich beides an, verschieben Sie eines und haken Sie es dann ab.
conflicts-none = Es gibt keine Überschneidung.
conflicts-found = Gefunden
conflicts-settle = Als erledigt abhaken
conflicts-settled = Die Überschneidung ist abgehakt.
clash-event-over = Jemand hat im Kalender etwas über diesen Termin gelegt.
clash-moved-onto = Jemand hat diesen Termin im Kalender auf die Zeit eines anderen gelegt.
clash-event-first = Im Kalender war schon etwas anderes; der Termin hat Platz gemacht.
clash-moved-twice = Dieser Termin wurde gleichzeitig im Kalender und hier verschoben. Es gilt die Zeit von hier.

# Wo niemand da ist
stranded-title = Termine, bei denen niemand da ist
stranded-lead = Diese Termine liegen außerhalb der Sprechzeiten oder in einer Abwesenheit. Entscheiden Sie für alle oder für jeden einzeln.
stranded-none = Bei jedem Termin ist jemand da.
stranded-all = Für alle, bei denen unten nichts gewählt ist
stranded-each = Einzeln wählen
stranded-later = Später entscheiden
stranded-when = Wann
stranded-who = Wer
stranded-why = Warum
stranded-what = Was geschehen soll
stranded-do = Was mit { $who }, { $when } geschehen soll
stranded-ring = Assistenz anrufen und verschieben lassen
stranded-colleague = An jemanden geben, der frei ist
stranded-to = An { $name } geben
stranded-cancel = Termin absagen
stranded-keep = Behalten, er findet statt
stranded-go = Ausführen
stranded-team = { $count ->
    [one] Bei einem davon darf die Assistenz nicht anrufen: Das übernimmt Ihr Team.
   *[other] Bei { $count } davon darf die Assistenz nicht anrufen: Das übernimmt Ihr Team.
}
stranded-more = Es kann weitere geben. Sind diese entschieden, stehen die nächsten hier.
stranded-away = abwesend
stranded-hours = außerhalb der Sprechzeiten
stranded-call-waits = wird { $at } angerufen
stranded-call-out = wird gerade angerufen
stranded-call-over = wurde angerufen, ohne neue Zeit
stranded-nothing = Es war nichts gewählt und wurde nichts geändert.
stranded-nobody-else = Um diese Zeit ist niemand anderes frei. Es wurde nichts geändert.
stranded-done-kept = Bleibt bestehen.
stranded-done-cancelled = Abgesagt.
stranded-done-given = Jetzt bei { $name }.
stranded-done-rings = Die Assistenz ruft an, frühestens { $at }.
not-rung-no-number = Es ist keine Rufnummer bekannt. Ihr Team muss einen anderen Weg finden.
not-rung-nobody-to-call = An keiner Ihrer Nummern meldet sich eine Assistenz, also kann keine anrufen. Ihr Team ruft an.
not-rung-under-way = Die Person wird schon angerufen.
not-rung-no-consent = Es ist noch nicht festgehalten, woher die Einwilligung zu Anrufen stammt. Ihr Team ruft an.
not-rung-opted-out = Die Person möchte nicht von der Assistenz angerufen werden. Ihr Team ruft an.
not-rung-number = Diese Nummer ruft die Assistenz nie an. Ihr Team ruft an.
not-rung-country = Dieses Land gehört nicht zu denen, in die die Assistenz anrufen darf. Ihr Team ruft an.
not-rung-too-late = Es ist keine Zeit mehr, zu der die Assistenz anrufen darf. Ihr Team ruft sofort an.
not-rung-appointment-gone = Der Termin hat sich inzwischen geändert.
