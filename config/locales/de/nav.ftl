nav-calls = Anrufe
