# Das eigene Konto: der zweite Faktor
account-title = Anmeldung und Sicherheit
factor-title = Zweiter Faktor
factor-lead = Nach dem Passwort wird ein Code aus einer App auf Ihrem Telefon verlangt. Wer nur das Passwort erfährt, kommt nicht hinein.
factor-on = Ein zweiter Faktor schützt Ihr Konto seit
factor-left = { $count ->
    [0] Alle Ersatzcodes sind verbraucht: Entfernen Sie den zweiten Faktor und richten Sie ihn neu ein.
    [one] Ein Ersatzcode ist noch da.
   *[other] { $count } Ersatzcodes sind noch da.
}
factor-demanded = Der Betreiber dieses Servers verlangt von Betreiberkonten einen zweiten Faktor; er lässt sich nicht entfernen.
factor-missing = Der Betreiber dieses Servers verlangt von Betreiberkonten einen zweiten Faktor. Bis Ihrer eingerichtet ist, sehen Sie nichts anderes.
factor-begin = Zweiten Faktor einrichten
factor-begun = Scannen Sie den Code mit Ihrer App und geben Sie dann ein, was sie anzeigt.
factor-step-app = Öffnen Sie eine Authenticator-App auf Ihrem Telefon.
factor-step-scan = Scannen Sie damit diesen Code, oder tippen Sie den Schlüssel darunter ein.
factor-step-code = Geben Sie die sechs Ziffern ein, die die App anzeigt.
factor-qr = QR-Code des Schlüssels
factor-secret = Der Schlüssel zum Eintippen
factor-code = Code
factor-code-hint = Sechs Ziffern aus Ihrer App oder einer Ihrer Ersatzcodes.
factor-confirm = Zweiten Faktor einschalten
factor-codes = Ihre Ersatzcodes
factor-codes-lead = Der zweite Faktor ist eingeschaltet. Bewahren Sie diese zehn Codes getrennt vom Telefon auf: Jeder ersetzt es einmal. Sie werden nur dieses eine Mal angezeigt.
factor-remove = Zweiten Faktor entfernen
factor-remove-lead = Danach genügt Ihr Passwort allein, und die Ersatzcodes gelten nicht mehr. Sie können ihn jederzeit neu einrichten.
factor-remove-send = Zweiten Faktor entfernen
factor-removed = Der zweite Faktor ist entfernt. Eine E-Mail bestätigt es Ihnen.
fault-code = Dieser Code stimmt nicht oder wurde schon benutzt. Warten Sie auf den nächsten oder nehmen Sie einen Ersatzcode.
code-title = Code eingeben
code-lead = Ihr Passwort stimmt. Geben Sie nun den Code ein, den Ihre App anzeigt.
code-needed = Ein zweiter Faktor schützt dieses Konto. Geben Sie Ihr Passwort noch einmal ein und dazu einen Code.
code-anew = Von vorn beginnen
code-lost = Telefon und Ersatzcodes verloren? Wer in Ihrem Unternehmen das Team verwaltet, kann den zweiten Faktor entfernen.
members-factor = Ausgesperrt
members-factor-lead = Entfernt den zweiten Faktor von { $email }: Danach genügt das Passwort allein. Eine E-Mail und das Protokoll halten es fest.
members-factor-send = Zweiten Faktor entfernen
members-factor-removed = Der zweite Faktor ist entfernt. Eine E-Mail sagt es dem Teammitglied.
own-name = Ihr Name
own-name-hint = So, wie Ihr Team Sie nennt, zum Beispiel Aylin Kaya.
own-name-kept = Ihr Name ist gespeichert.
