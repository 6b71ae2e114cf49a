nav-appointments = Termine
nav-availability = Verfügbarkeit
nav-calendars = Kalender
nav-calls = Anrufe
