nav-today = Today
nav-calls = Calls
nav-appointments = Appointments
nav-availability = Availability
nav-calendars = Calendars
nav-figures = Figures
