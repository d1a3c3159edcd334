"""What the processes of one relay share: memory, and the sockets between them. It knows no money and no node."""
