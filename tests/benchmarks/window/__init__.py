"""What the window costs its owner: the program with its tray and a hidden window, connected, without a model."""
