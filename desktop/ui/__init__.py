"""The tray and the window: Qt, and only here. It sees the agent through snapshots and commands, nothing else."""
