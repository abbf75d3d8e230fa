"""Say in which glyph sizes each text of the terminals is drawn; those not named here are SMALL.

Names of sizes are those of firmware/ui/layout.py. Every text is in SMALL too, for where a title does not fit.
"""

TEXT_SIZES = {
    "mark_5": ("TINY",),
    "mark_4": ("TINY",),
    "mark_3": ("TINY",),
    "mark_2": ("TINY",),
    "mark_1": ("TINY",),
    "invite_title": ("MIDDLE",),
    "level_5": ("LARGE",),
    "level_4": ("LARGE",),
    "level_3": ("LARGE",),
    "level_2": ("LARGE",),
    "level_1": ("LARGE",),
    "chosen_hidden": ("LARGE",),
    "business": ("MIDDLE",),
    "service": ("MIDDLE",),
    "text_code": ("TINY",),
    "thanks": ("LARGE", "MIDDLE"),
    "declined": ("LARGE",),
    "unrated": ("MIDDLE",),
    "unrated_no_code": ("MIDDLE",),
    "not_invited": ("MIDDLE",),
    "scan_no_code": ("MIDDLE",),
    "paused": ("MIDDLE",),
    "updating": ("MIDDLE",),
    "closed": ("MIDDLE",),
    "closed_note": ("LARGE",),
    "welcome": ("MIDDLE",),
    "serving": ("MIDDLE",),
    "ticket": ("MIDDLE",),
}
