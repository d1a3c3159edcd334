"""When this PC was last used: one source a way of telling, and the choice among those this login really offers."""
