"""What happened: the event file, and the real year that the demo puts through the engine."""
