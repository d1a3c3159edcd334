"""Which models the network wants on nodes: their files, their prices; and the signed list that desktops choose from."""
