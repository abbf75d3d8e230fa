"""Errors of the shared protocol package: a subclass exists where the caller acts differently."""


class ProtocolError(Exception):
    """Say what in the received or given data broke the protocol."""


class FrameError(ProtocolError):
    """Bytes that are no COBS block or no frame."""


class CborError(ProtocolError):
    """Bytes or objects outside the deterministic CBOR subset."""


class MessageError(ProtocolError):
    """A frame's body that does not fit the message table."""


class EvidenceError(ProtocolError):
    """An event that does not open, or is not written as evidence must be."""


class RecordError(ProtocolError):
    """A journal record that does not check."""
