nav-calls = Calls
nav-appointments = Appointments
nav-availability = Availability
nav-calendars = Calendars
