"""The tray and the window, on Qt's offscreen platform; `test_real_tray` brings a display and panels of its own."""
