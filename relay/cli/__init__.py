"""`nightjar-relay`: its command line, what each verb does, and how it is answered."""
