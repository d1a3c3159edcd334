"""Tests, one folder per package of the two programs; see CONTRIBUTING for how they are written."""
