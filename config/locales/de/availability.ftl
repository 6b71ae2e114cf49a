availability-back = Verfügbarkeit
minutes = { $count ->
    [one] { $count } Minute
   *[other] { $count } Minuten
}
in-minutes = In Minuten.
in-days = In Tagen.
put-aside = stillgelegt

# Freie Zeiten
free-title = Freie Zeiten
free-from = Ab
free-none = Nichts frei.
free-more = und { $count } weitere
free-no-service = Sobald es eine Terminart gibt, stehen hier ihre freien Zeiten.
free-after-saving = Nach dem Speichern stehen hier die freien Zeiten.

# Personen und Räume
resources-title = Personen und Räume
resources-none = Noch kann niemand gebucht werden. Legen Sie eine Person oder einen Raum an und sagen Sie, wann sie da sind.
resource-new = Neue Person oder neuer Raum
resource-create = Person oder Raum speichern
resource-created = { $name } ist gespeichert.
resource-about = Zu dieser Person oder diesem Raum
resource-name = Name
resource-name-hint = So hören ihn Anrufende, zum Beispiel Dr. Weber oder Raum 2.
resource-active = Kann gebucht werden
resource-active-hint = Was gebucht ist, bleibt, auch wenn das nicht angehakt ist.
resource-saved = Gespeichert.
resource-calendars = Kalender wählen
resource-no-service = Hier lässt sich keine Terminart buchen. Haken Sie den Namen bei einer Terminart an.
never-open = Nie da
away-until = abwesend bis { $until }
fault-resource = Wählen Sie, wer abwesend ist.

# Sprechzeiten
hours-title = Sprechzeiten
hours-hint = Schreiben Sie sie so: 9:00–12:30, 14:00–18:00. Leer heißt geschlossen.
hours-dates = Abweichende Tage
hours-dates-hint = Andere Zeiten an einem Datum. Leere Zeiten heißt geschlossen; ein leeres Datum nimmt die Zeile weg.
hours-date-line = Abweichender Tag { $n }
hours-on-date = Zeiten an diesem Tag
hours-save = Sprechzeiten speichern
hours-saved = Gespeichert.
hours-stranded = { $count ->
    [one] Gespeichert. Bei einem Termin ist jetzt niemand da.
   *[other] Gespeichert. Bei { $count } Terminen ist jetzt niemand da.
}
fault-hours = Schreiben Sie die Zeiten so: 9:00–12:30, 14:00–18:00.
fault-hours-end = Diese Zeit endet vor ihrem Beginn. Geben Sie als Ende eine Zeit nach { $from } Uhr ein.
fault-week-mon = Am Montag überschneiden sich zwei Zeiten, oder eine ist leer. Ändern Sie eine davon.
fault-week-tue = Am Dienstag überschneiden sich zwei Zeiten, oder eine ist leer. Ändern Sie eine davon.
fault-week-wed = Am Mittwoch überschneiden sich zwei Zeiten, oder eine ist leer. Ändern Sie eine davon.
fault-week-thu = Am Donnerstag überschneiden sich zwei Zeiten, oder eine ist leer. Ändern Sie eine davon.
fault-week-fri = Am Freitag überschneiden sich zwei Zeiten, oder eine ist leer. Ändern Sie eine davon.
fault-week-sat = Am Samstag überschneiden sich zwei Zeiten, oder eine ist leer. Ändern Sie eine davon.
fault-week-sun = Am Sonntag überschneiden sich zwei Zeiten, oder eine ist leer. Ändern Sie eine davon.
fault-exceptions = An einem der Tage überschneiden sich zwei Zeiten, oder eine ist leer. Ändern Sie eine davon.

# Heute krank
ill-title = Heute krank
ill-lead = Die Zeit wird sofort gesperrt, ab dieser Minute. Danach sehen Sie, welche Termine das trifft, und entscheiden über jeden.
ill-who = Wer
ill-until = Bis einschließlich
ill-time = Wieder da um
ill-name = Vermerk
ill-name-hint = Nur Ihr Team sieht ihn. Lassen Sie weg, warum.
ill-do = Zeit sperren
ill-done = { $count ->
    [0] Die Zeit ist gesperrt. Das trifft keinen Termin.
    [one] Die Zeit ist gesperrt. Das trifft einen Termin.
   *[other] Die Zeit ist gesperrt. Das trifft { $count } Termine.
}

# Terminarten
services-title = Terminarten
services-none = Noch lässt sich nichts buchen. Legen Sie eine Terminart an, zum Beispiel eine Kontrolle von 30 Minuten.
service-new = Neue Terminart
service-create = Terminart speichern
service-created = { $name } ist gespeichert.
service-saved = { $name } ist gespeichert.
service-nobody = bietet niemand an
service-name-de = Name auf Deutsch
service-name-en = Name auf Englisch
service-duration = Dauer
service-interval = Beginnt alle
service-interval-hint = In Minuten. Leer heißt: so lang, wie sie dauert.
service-resources = Bei wem sie gebucht werden kann
service-selection = Wer genommen wird, wenn niemand gewünscht ist
selection-any = Wer als Erstes frei ist
selection-round-robin = Wer an dem Tag am wenigsten zu tun hat
selection-all = Alle zusammen
service-rules = Regeln
service-buffer-before = Puffer davor
service-buffer-after = Puffer danach
service-notice = Mindestvorlauf
service-notice-hint = In Minuten: 1440 sind ein Tag.
service-horizon = Im Voraus buchbar
service-per-day = Höchstens am Tag
service-per-week = Höchstens in der Woche
service-per-month = Höchstens im Monat
service-cutoff = Anrufende können absagen oder verschieben bis
service-cutoff-hint = In Minuten vor Beginn.
service-capacity = Plätze
service-capacity-hint = Mehr als einer macht daraus eine Gruppe.
service-price = Preis
service-sensitive = Vertraulich
service-sensitive-hint = Am Telefon erfährt nur davon, wer die eigene PIN eingegeben hat.
service-invites = Kontakte per E-Mail einladen
service-active = Wird angeboten
service-active-hint = Was gebucht ist, bleibt, auch wenn das nicht angehakt ist.
fault-whole = Geben Sie eine ganze Zahl ein, zum Beispiel 30.
fault-names = Geben Sie einen Namen ein.
fault-duration = Geben Sie 5 bis 1.440 Minuten ein.
fault-interval = Geben Sie 5 bis 1.440 Minuten ein.
fault-horizon-days = Geben Sie 1 bis 730 Tage ein.
fault-capacity = Geben Sie 1 bis 1.000 Plätze ein.

# Betriebsferien und Feiertage
closing-title = Betriebsferien und Abwesenheiten
closing-all = Alle
closing-none = Es ist nichts eingetragen.
closing-new = Neuer Eintrag
closing-new-absence = Abwesenheit eintragen
closing-edit = Eintrag ändern
closing-back = Alle Einträge
closing-name = Name
closing-name-hint = Zum Beispiel Betriebsferien oder Weihnachtsfeier. Anrufende erfahren das nie.
closing-when = Wann
closing-who = Wer
closing-kind = Was es ist
closing-kind-closing = Geschlossen
closing-kind-holiday = Feiertag
closing-kind-absence = Abwesenheit
closing-first = Erster Tag
closing-last = Letzter Tag
closing-last-hint = Leer heißt: ein Tag.
closing-from = Von
closing-from-hint = Leer heißt: der ganze Tag.
closing-until = Bis
closing-through = Durchgehend vom ersten bis zum letzten Tag
closing-through-hint = Sonst gelten diese Uhrzeiten an jedem Tag.
closing-yearly = Jedes Jahr wieder
closing-every-year = jedes Jahr
closing-remove = Eintrag löschen
closing-remove-what = Die Sprechzeiten gelten dort wieder. Termine bleiben. Sie können den Eintrag jederzeit neu anlegen.
closing-removed = Der Eintrag ist gelöscht.
fault-first = Geben Sie den ersten Tag ein.
fault-last = Der letzte Tag liegt vor dem ersten oder ist zu weit weg. Ändern Sie einen der beiden.
fault-until = Das Ende liegt vor dem Beginn. Ändern Sie eines der beiden.

# Feiertage
holidays-title = Feiertage
holidays-lead = Das sind Vorschläge. Nur was Sie anhaken und speichern, wird eingetragen.
holidays-land = Bundesland
holidays-choose = Wählen
holidays-year = Jahr
holidays-tick = An welchen Tagen schließen Sie?
holidays-partly = Nur in einigen Gemeinden dieses Landes.
holidays-since = Hier Feiertag seit { $year }.
holidays-done = geschlossen
holidays-enter = Angehakte Tage eintragen
holidays-entered = { $count ->
    [0] Es war nichts angehakt und wurde nichts geändert.
    [one] Ein Tag ist eingetragen.
   *[other] { $count } Tage sind eingetragen.
}

# Warum nicht?
why-title = Warum nicht?
why-ask = Fragen
why-free = Diese Zeit wird angeboten.
why-not = Diese Zeit wird nicht angeboten. Alles, was dagegen spricht:
why-missing = Diese Uhrzeit gibt es an dem Tag nicht: Die Uhr wird vorgestellt.
why-served-by-nobody = Das bietet noch niemand an. Haken Sie bei der Terminart an, wer es tut.
why-badge-free = frei
why-badge-not = nicht frei
why-nothing-against = Nichts spricht dagegen.
why-nobody = Jemand
why-rule-active = Die Terminart wird nicht angeboten.
why-rule-resources = Die Terminart wird hier nicht angeboten.
why-rule-horizon = So weit im Voraus ist nichts buchbar.
why-rule-notice = Das ist zu kurzfristig oder schon vorbei.
why-rule-interval = Um diese Uhrzeit beginnt kein Termin dieser Art.
why-rule-per-day = Am Tag gibt es schon so viele dieser Art, wie es geben darf.
why-rule-per-week = In der Woche gibt es schon so viele dieser Art, wie es geben darf.
why-rule-per-month = Im Monat gibt es schon so viele dieser Art, wie es geben darf.
why-rule-minutes = Am Tag sind schon so viele Minuten dieser Art vergeben, wie es geben darf.
why-rule-capacity = Alle Plätze sind vergeben.
why-rule-buffers = Die Puffer passen nicht.
why-put-aside = Kann zurzeit nicht gebucht werden.
why-week = Außerhalb der Sprechzeiten am { $day }.
why-exception = Außerhalb der Zeiten, die am { $date } gelten.
why-closure-named = Geschlossen: { $name }.
why-closure = Geschlossen oder abwesend.
why-appointment = Ein Termin, { $when }.
why-appointment-near = Mit den Puffern zu nah an einem Termin, { $when }.
why-hold = Vorgemerkt bis { $until }: { $when }.
why-hold-near = Zu nah an einer Zeit, die bis { $until } vorgemerkt ist: { $when }.
why-event = Belegt im Kalender { $calendar }, { $when }.
why-event-near = Zu nah an etwas im Kalender { $calendar }, { $when }.
why-event-hidden = Belegt in einem Kalender.
why-event-unknown = Der Kalender hat noch nicht gesagt, ob diese Zeit frei ist.
why-to-service = Diese Regel ändern
why-to-resource = Ändern
why-to-hours = Zeiten ändern
why-to-closing = Eintrag ändern
why-to-appointment = Termin ansehen
why-to-calendars = Kalender ansehen
