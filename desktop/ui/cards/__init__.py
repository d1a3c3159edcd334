"""The cards of the pages: each shows one view and knows nothing of snapshots."""
