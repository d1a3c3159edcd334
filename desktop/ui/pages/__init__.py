"""The window's pages: each lays out cards and hands them the views that `presenters` made."""
