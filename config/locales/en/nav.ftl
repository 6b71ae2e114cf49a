nav-calls = Calls
