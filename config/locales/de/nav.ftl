nav-appointments = Termine
nav-availability = Verfügbarkeit
nav-calendars = Kalender
nav-today = Heute
nav-calls = Anrufe
nav-figures = Zahlen
