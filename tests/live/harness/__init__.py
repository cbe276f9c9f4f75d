"""A mail world on loopback: real MTAs, SMTP clients with any address, a sink behind, a name server, Postern in the middle.

Used by the live tests and by the demonstration of ./run; both tell it only what mail to send.
"""
