"""What can go wrong inside the simulated gateway, drawn as a tree.

::

    GatewayError
    ├── ProtocolError            a client broke the wire protocol; its session ends, no other does
    │   ├── OversizedFrame       a frame's length prefix exceeds the limit
    │   ├── MalformedMessage     a message's fields cannot be read with its table
    │   ├── UnknownMessage       no table has this message number
    │   └── UnsupportedClient    no common server version
    ├── UnencodableValue         a value that its wire kind cannot carry
    └── SettingsError            a setting, date or clock command that makes no sense
"""

from __future__ import annotations


class GatewayError(Exception):
    """Everything that the simulated gateway raises on purpose."""


class ProtocolError(GatewayError):
    """The client sent what the protocol does not allow; `code` is the error number it is told."""

    code = 320


class OversizedFrame(ProtocolError):
    """A frame's length prefix exceeds the limit."""

    code = 507


class MalformedMessage(ProtocolError):
    """A message's fields cannot be read with its table."""


class UnknownMessage(ProtocolError):
    """No table has this message number."""

    code = 505


class UnsupportedClient(ProtocolError):
    """The client and the gateway have no server version in common."""

    code = 503


class UnencodableValue(GatewayError):
    """A value that its wire kind cannot carry, such as a NaN or a text with a NUL in it."""


class SettingsError(GatewayError):
    """A setting, a date or a clock command that makes no sense; the text says what is allowed."""
