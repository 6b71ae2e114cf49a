# One's own account: the second factor
account-title = Sign-in and security
factor-title = Second factor
factor-lead = A code of an app on your phone is asked for after your password. Whoever learns your password alone does not get in.
factor-on = A second factor guards your account since
factor-left = { $count ->
    [0] You have used all recovery codes: take the second factor away and set it up anew.
    [one] One recovery code is left.
   *[other] { $count } recovery codes are left.
}
factor-demanded = Whoever runs this server asks a second factor of operators, so it cannot be taken away.
factor-missing = Whoever runs this server asks a second factor of operators. Until yours is set up, you see nothing else.
factor-begin = Set up the second factor
factor-begun = Scan the code with your app, then enter what it shows.
factor-step-app = Open an authenticator app on your phone.
factor-step-scan = Scan this code with it, or type in the key below.
factor-step-code = Enter the six digits that the app shows.
factor-qr = QR code of the key
factor-secret = The key, to be typed in
factor-code = Code
factor-code-hint = Six digits from your app, or one of your recovery codes.
factor-confirm = Switch the second factor on
factor-codes = Your recovery codes
factor-codes-lead = The second factor is on. Keep these ten codes where your phone is not: each replaces it once. They are shown this once only.
factor-remove = Take the second factor away
factor-remove-lead = Your password alone lets you in afterwards, and the recovery codes are good no more. You can set it up anew at any time.
factor-remove-send = Take the second factor away
factor-removed = The second factor was taken away. A mail tells you so.
fault-code = This code is not right, or was used before. Wait for the next one, or use a recovery code.
code-title = Enter the code
code-lead = Your password is right. Now enter the code that your app shows.
code-needed = A second factor guards this account. Enter your password once more, and a code with it.
code-anew = Begin again
code-lost = Phone and recovery codes gone? Somebody of your business who manages members can take the second factor away.
members-factor = Locked out
members-factor-lead = Takes the second factor of { $email } away: the password alone lets them in afterwards. A mail and the log tell it.
members-factor-send = Take the second factor away
members-factor-removed = The second factor was taken away. A mail tells the member so.
own-name = Your name
own-name-hint = As those you work with call you, for example Aylin Kaya.
own-name-kept = Your name is saved.
