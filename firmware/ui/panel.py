"""Act on what a citizen sees and hears: display, lamps of the keys, tones, voice. All the same for every level."""

from ui.strings import LANGUAGES

# In the order of the voice module's tracks, for each language of the firmware in its order.
PROMPTS = ("invite", "thanks", "greeting", "labels")
_TONES = {"press": (2_000, 80), "refused": (400, 250)}  # Hz, ms


class Panel:
    """Join the display with lamps and buzzer; `wake` is called when there is something to paint."""

    def __init__(self, display: object, lamps: object, buzzer: object, voice: object) -> None:
        self.wake = None
        self._voice = voice
        self.loudness = -1
        self._display = display
        self._lamps = lamps
        self._buzzer = buzzer
        self._silent_at = None

    def show(self, state: str, view: dict, now_ms: int) -> None:
        """Show a state; the painting itself is done by the display's own task."""
        self._display.show(state, view, now_ms)
        if self.wake is not None:
            self.wake()

    def speak(self, language: str, now_ms: int) -> None:
        """Show every text in another language."""
        self._display.speak(language, now_ms)
        if self.wake is not None:
            self.wake()

    def key_at(self, x: int, y: int) -> int:
        """Return the key that a finger at (x, y) of the picture means, 0 for none."""
        return self._display.key_at(x, y)

    def light(self, bits: int) -> None:
        """Light the lamps of the level keys, bit 0 for key 1."""
        if self._lamps is not None:
            self._lamps.set(bits)

    def tone(self, name: str, now_ms: int) -> None:
        """Start a tone."""
        freq_hz, length_ms = _TONES[name]
        self._buzzer.tone(freq_hz)
        self._silent_at = now_ms + length_ms

    def say(self, prompt: str, language: str, loudness: int, now_ms: int) -> None:
        """Speak a prompt at a loudness in %; at 0, and before the voice module listens, nothing is said."""
        if self._voice is None or now_ms < self._voice.ready_ms:
            return
        if loudness != self.loudness:
            self.loudness = loudness
            self._voice.volume(loudness)
        if loudness:
            self._voice.play(LANGUAGES.index(language) * len(PROMPTS) + PROMPTS.index(prompt) + 1)

    def linked(self, linked: bool, now_ms: int) -> None:
        """Show whether the counter's computer is there."""
        self._display.linked(linked, now_ms)
        if self.wake is not None:
            self.wake()

    def hint(self, wrong: bool) -> None:
        """Show, or no longer, that somebody should look after the terminal."""
        self._display.hint = wrong
        self._display.look()
        if self.wake is not None:
            self.wake()

    def tick(self, now_ms: int) -> None:
        """End a tone that is over."""
        if self._silent_at is not None and now_ms >= self._silent_at:
            self._buzzer.off()
            self._silent_at = None

    def due_ms(self) -> int | None:
        """Return when `tick` has something to do."""
        return self._silent_at
