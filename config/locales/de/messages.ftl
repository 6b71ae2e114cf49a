nav-messages = Nachrichten
messages-how = Dringendes steht vorn, dann das Älteste. Wer zurückruft, nimmt die Karte für { $minutes } Minuten, damit nicht zwei anrufen.
messages-none = Niemand wartet auf einen Rückruf.
messages-due = Zurückzurufen
messages-later = Später
messages-more = Es gibt mehr Nachrichten, als hier stehen. Sie rücken nach, sobald diese erledigt sind.
messages-urgent = dringend
messages-calls = { $count ->
    [one] { $count } Anruf seit { $since }
   *[other] { $count } Anrufe seit { $since }
}
messages-tries = { $count ->
    [one] einmal nicht erreicht
   *[other] { $count }-mal nicht erreicht
}
messages-again = wieder
messages-or = oder
messages-no-number = Ohne Rufnummer
messages-call = Zum Gespräch
messages-sound = Gesprochene Nachricht
messages-sound-coming = Der Ton wird gerade geholt.
messages-no-words = Sie ist nicht aufgeschrieben. Hören Sie sie an.
messages-me = Ihnen
messages-colleague = jemandem aus dem Team
messages-taken = Wird bis { $until } Uhr von { $who } zurückgerufen.
messages-mine = Sie rufen zurück; die Karte ist bis { $until } Uhr bei Ihnen.
messages-dial = { $number } anrufen
messages-again-date = Wieder versuchen am
messages-again-time = um
messages-act-claim = Ich rufe an
messages-act-release = Freigeben
messages-act-reached = Erreicht
messages-act-not-reached = Nicht erreicht
messages-act-done = Ohne Anruf erledigt
messages-act-undo = Rückgängig machen
messages-act-reopen = Zurück auf die Liste
messages-act-urgent = Als dringend kennzeichnen
messages-act-not-urgent = Nicht dringend
messages-undo = Diese Nachrichten sind erledigt.
messages-told-claim = Die Karte ist bei Ihnen. Tippen Sie auf die Rufnummer, um anzurufen.
messages-told-release = Die Karte ist wieder frei.
messages-told-reached = Erreicht; die Nachrichten sind erledigt.
messages-told-done = Die Nachrichten sind erledigt.
messages-told-not-reached = Zurückgestellt. Die Karte kommt von selbst wieder.
messages-told-undo = Rückgängig gemacht; die Karte steht wieder bei den Rückrufen.
messages-told-reopen = Die Nachrichten stehen wieder auf der Liste.
messages-told-urgent = Als dringend gekennzeichnet.
messages-told-not-urgent = Nicht mehr dringend.
messages-show-done = Erledigte Nachrichten
messages-show-open = Offene Nachrichten
messages-none-done = Noch ist nichts erledigt. Was erledigt ist, steht hier und lässt sich zurückholen.
messages-done-list = Erledigte Nachrichten
messages-left = Hinterlassen
messages-who = Wer
messages-what = Nachricht
messages-by = Erledigt von
fault-again-at = Geben Sie einen Tag und eine Uhrzeit in den nächsten dreißig Tagen an.
conflict-somebody-else-is-calling-back = Jemand aus dem Team ruft schon zurück. Es wurde nichts geändert; auf der Karte steht, wer.
conflict-that-message-has-been-looked-after = Diese Nachricht ist schon erledigt. Es wurde nichts geändert.
