live-heading = Was gerade gesagt wird
live-speaks = Es spricht: …
live-target = Weiterverbinden zu
live-transfer = Weiterverbinden
live-passed-on = Es wird zu { $name } weiterverbunden.
