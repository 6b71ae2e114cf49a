# Was auf jeder Seite steht.
skip = Zum Inhalt
nav = Bereiche
menu = Konto
menu-tenant = Unternehmen
menu-switch = Wechseln
colours = Farben
colours-machine = Wie das Gerät
colours-light = Hell
colours-dark = Dunkel
login = Anmelden
logout = Abmelden
email = E-Mail-Adresse
password = Passwort
password-new = Neues Passwort
optional = (freiwillig)
leave-unsaved = Ihre Eingaben sind noch nicht gespeichert.
live-lost = Die Verbindung ist unterbrochen und wird wieder aufgebaut. Was Sie sehen, ist der letzte Stand.
live-elsewhere = Sie sind in einem anderen Tab zu einem anderen Unternehmen gewechselt. Diese Seite zeigt den letzten Stand von diesem hier.

# Ein Formular eines anderen Unternehmens
elsewhere-title = Dieses Formular gehört zu einem anderen Unternehmen
elsewhere-lead = Sie haben es für { $tenant } ausgefüllt und sind inzwischen in einem anderen Tab zu { $here } gewechselt. Es wurde bei keinem etwas geändert; Ihre Eingaben sind noch da, Passwörter ausgenommen.
elsewhere-send = Zu { $tenant } zurückgehen und absenden
elsewhere-stay = Bei { $here } bleiben
elsewhere-gone = Sie haben es für ein Unternehmen ausgefüllt, in dem Sie nicht mehr arbeiten, und sind bei { $here }. Es wurde bei keinem etwas geändert.

# Formulare
summary-heading = Das müssen Sie noch ändern
fault-mark = Fehler:
fault = Etwas an diesem Formular passt noch nicht. Ihre Eingaben sind noch da.
fault-other = Diese Angabe passt noch nicht: { $problem }.
fault-plain = Diese Angabe passt noch nicht. Ihre Eingaben sind noch da; prüfen Sie dieses Feld.
fault-email = Geben Sie die E-Mail-Adresse vollständig ein, zum Beispiel ada@example.com.
fault-password = Wählen Sie ein Passwort mit mindestens 15 Zeichen, das nicht leicht zu erraten ist, zum Beispiel einige Wörter hintereinander.
fault-tenant = Geben Sie den Namen des Unternehmens ein, höchstens 100 Zeichen.
fault-token = Dieser Link gilt nicht oder nicht mehr. Fordern Sie einen neuen an.
stale = Jemand anderes hat das inzwischen geändert. Ihre Eingaben sind noch da: Vergleichen Sie beide; wenn Sie noch einmal speichern, gelten Ihre.
stale-by = { $who } hat das inzwischen geändert ({ $at }). Ihre Eingaben sind noch da: Vergleichen Sie beide und wählen Sie; wenn Sie noch einmal speichern, gelten Ihre.
stale-own = Sie haben das inzwischen selbst geändert ({ $at }), in einem anderen Fenster. Ihre Eingaben sind noch da: Vergleichen Sie beide und wählen Sie; wenn Sie noch einmal speichern, gelten diese.
stale-theirs = Jetzt gespeichert: { $value }

# Wenn etwas nicht geht
failure-back = Zur Übersicht
failure-not-found-title = Diese Seite gibt es nicht
failure-not-found = Unter dieser Adresse ist nichts. Vielleicht wurde es gelöscht, oder der Link ist unvollständig.
failure-sign-in-title = Anmeldung nötig
failure-sign-in = Ihre Sitzung ist zu Ende. Melden Sie sich an, um weiterzumachen.
failure-nowhere-title = Noch kein Unternehmen
failure-nowhere = Ihr Konto gehört zurzeit zu keinem Unternehmen. Lassen Sie sich einladen oder legen Sie ein eigenes an.
failure-forbidden-title = Dafür fehlt die Berechtigung
failure-forbidden = Das dürfen Sie hier nicht sehen oder ändern. Wer in Ihrem Unternehmen die Leitung hat, kann Ihnen das Recht geben.
failure-foreign-title = Nicht ausgeführt
failure-foreign = Diese Anfrage kam nicht von einer Seite dieses Servers. Es wurde nichts geändert. Laden Sie die Seite neu und versuchen Sie es dort.
failure-too-large-title = Zu groß
failure-too-large = Das war mehr, als in ein Formular passt. Es wurde nichts geändert. Kürzen Sie den längsten Text.
failure-too-many-title = Zu viele Versuche
failure-too-many = { $seconds ->
    [one] Das waren zu viele Versuche in kurzer Zeit. Ihre Eingaben sind noch da. Versuchen Sie es in einer Sekunde noch einmal.
   *[other] Das waren zu viele Versuche in kurzer Zeit. Ihre Eingaben sind noch da. Versuchen Sie es in { $seconds } Sekunden noch einmal.
}
failure-conflict-title = Das passt nicht zusammen
failure-conflict = Das widerspricht dem, was schon da ist: { $problem }. Es wurde nichts geändert.
failure-conflict-plain = Das widerspricht dem, was schon da ist. Es wurde nichts geändert. Laden Sie die Seite neu und sehen Sie sich den Stand an.
failure-stale-title = Jemand war schneller
failure-stale = Jemand anderes hat das inzwischen geändert. Es wurde nichts gespeichert. Sehen Sie sich den neuen Stand an und entscheiden Sie.
failure-taken-title = Die Zeit ist vergeben
failure-taken = Diese Zeit wurde gerade vergeben. Es wurde nichts geändert. Wählen Sie eine andere.
failure-too-late-title = Zu spät
failure-too-late = Dieser Termin lässt sich nicht mehr ändern. Es wurde nichts geändert.
failure-refused-title = Diese Zeit geht nicht
failure-refused = Diese Zeit lässt sich nicht buchen ({ $problem }). Es wurde nichts geändert. Wählen Sie eine andere.
failure-limit-title = Mehr geht nicht
failure-limit = { $max ->
    [one] Davon kann es nur { $max } geben. Es wurde nichts geändert.
   *[other] Davon kann es höchstens { $max } geben. Es wurde nichts geändert.
}
failure-declined-title = Abgelehnt
failure-declined = Der Dienst dahinter hat abgelehnt: { $problem }. Es wurde nichts geändert.
failure-unavailable-title = Gerade nicht erreichbar
failure-unavailable = Etwas hinter uns antwortet gerade nicht (Kennung { $reference }). Ihre Eingaben stehen noch hier. Versuchen Sie es in einer Minute noch einmal.
failure-ours-title = Das hat nicht geklappt
failure-ours = Das hat nicht geklappt, der Fehler liegt bei uns (Kennung { $reference }). Ihre Eingaben stehen noch hier. Versuchen Sie es in einer Minute noch einmal.

# Warum eine Zeit nicht geht
refused-missing-time = Diese Uhrzeit gibt es an dem Tag nicht: Die Uhr wird vorgestellt. Es wurde nichts geändert. Wählen Sie eine andere.
refused-not-qualified = Diese Terminart wird dort nicht angeboten. Es wurde nichts geändert. Wählen Sie eine andere Person oder einen anderen Raum.
refused-horizon = So weit im Voraus ist noch nichts buchbar. Es wurde nichts geändert. Wählen Sie einen früheren Tag.
refused-notice = Das ist zu kurzfristig. Es wurde nichts geändert. Wählen Sie eine spätere Zeit.
refused-closed = An diesem Tag ist geschlossen. Es wurde nichts geändert. Wählen Sie einen anderen Tag.
refused-outside-hours = Diese Zeit liegt außerhalb der Sprechzeiten. Es wurde nichts geändert. Wählen Sie eine andere.
refused-off-grid = Um diese Uhrzeit beginnt kein Termin dieser Art. Es wurde nichts geändert. Wählen Sie eine der freien Zeiten.
refused-limit = An diesem Tag sind schon so viele Termine vergeben, wie es geben darf. Es wurde nichts geändert. Wählen Sie einen anderen Tag.
refused-busy = Im Kalender ist zu dieser Zeit etwas anderes. Es wurde nichts geändert. Wählen Sie eine andere Zeit.
refused-capacity = Zu dieser Zeit sind alle Plätze vergeben. Es wurde nichts geändert. Wählen Sie eine andere.
refused-buffer = Zwischen den Terminen bliebe zu wenig Zeit. Es wurde nichts geändert. Wählen Sie eine andere.
refused-held = Diese Zeit ist gerade vorgemerkt. Es wurde nichts geändert. Versuchen Sie es in einigen Minuten noch einmal oder wählen Sie eine andere.

# Rollen
role-viewer = Nur lesen
role-member = Team
role-admin = Verwaltung
role-owner = Leitung
