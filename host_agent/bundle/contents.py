"""A bundle in memory: its files, what the manifest says of them, the signature, and what lies on a fresh board."""

import attrs

from host_agent.bundle import layout, signature
from host_agent.bundle import manifest as manifests
from host_agent.errors import UserError


@attrs.define
class Bundle:
    """A bundle whose files are those of its manifest. `where` names it in errors."""

    where: str
    manifest: bytes
    signature: bytes
    slot: dict[str, bytes] = attrs.field(repr=False)
    packs: dict[str, bytes] = attrs.field(repr=False)  # by the path that the firmware asks for
    bootstrap_files: dict[str, bytes] = attrs.field(repr=False)
    told: manifests.Manifest = attrs.field(repr=False)
    accepted: bytes = attrs.field(default=b"", repr=False)  # modulus that `verify` checked the signature with

    @property
    def board(self) -> str:
        """Return the board that it is for."""
        return self.told.board

    @property
    def version(self) -> str:
        """Return the firmware's version."""
        return self.told.version

    @property
    def release(self) -> int:
        """Return the version as one number."""
        return self.told.release

    @property
    def floor(self) -> int:
        """Return the least release that a terminal takes after this one."""
        return self.told.floor

    @property
    def bootstrap(self) -> int:
        """Return the least number of the bootstrap that it runs under."""
        return self.told.bootstrap

    def verify(self, modulus: bytes) -> None:
        """Check the signature against a key's modulus, and keep that for `flash_files`. Raises UserError."""
        if not signature.is_signed(modulus, self.manifest, self.signature):
            cure = f"the key accepted here is {signature.fingerprint(modulus)}: take a bundle that its owner signed"
            raise UserError("the signature is not that of the accepted key", self.where, cure)
        self.accepted = modulus

    def flash_files(self) -> dict[str, bytes]:
        """Return path → content of all that is written to a board with empty flash; it accepts the key of `verify`."""
        if not self.accepted:
            raise ValueError("verify the bundle first")
        found = dict(self.bootstrap_files)
        found |= {f"{layout.FIRST_SLOT}/{path}": data for path, data in self.slot.items()}
        found |= {layout.pack_place(layout.sha256(data)): data for data in self.packs.values()}
        found[f"{layout.FIRST_SLOT}/{layout.MANIFEST}"] = self.manifest
        found[f"{layout.FIRST_SLOT}/{layout.SIGNATURE}"] = self.signature
        found[layout.KEY] = self.accepted
        found[layout.SLOTS] = layout.fresh_slots()
        return found
