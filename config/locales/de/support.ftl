# Den Betreiber hereinlassen
settings-support = Support
support-lead = Wer diesen Server betreibt, sieht nichts von Ihrem Unternehmen, solange Sie den Zugang nicht freigeben. Hier tun Sie das auf Zeit. Der Support darf dann sehen und ändern, was Sie dürfen, außer Team, API-Schlüsseln, Webhooks, Datenauskünften und dem Unternehmen selbst; er verbindet keine Kalender, übernimmt keine Anrufe und lässt sich nicht zur Probe anrufen. Jede Änderung steht als Änderung des Betreibers in Ihrem Protokoll.
support-on = Der Support hat Zugang
support-until = Bis
support-off = Der Support hat keinen Zugang.
support-end = Zugang jetzt beenden
support-grant = Support hereinlassen
support-how-long = Wie lange
support-hours = { $hours ->
    [one] Eine Stunde
    [72] Drei Tage
    [168] Eine Woche
   *[other] { $hours } Stunden
}
support-send = Zugang freigeben
support-granted = Der Support hat Zugang. Sie können ihn hier jederzeit beenden.
support-over = Der Zugang ist beendet.
support-log = Was geändert wurde, steht im Protokoll
banner-support = Der Support hat Zugang zu diesem Unternehmen bis { $until }.
banner-support-yours = Sie helfen hier bis { $until }. Jede Änderung steht als Ihre im Protokoll dieses Unternehmens.
banner-support-act = Zugang des Supports
audit-operator = Betreiber
fault-for-hours = Wählen Sie eine der angebotenen Zeiten.
