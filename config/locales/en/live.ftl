live-heading = Words as they are heard
live-speaks = … speaks.
live-target = Pass on to
live-transfer = Pass the caller on
live-passed-on = The caller is being passed on to { $name }.
