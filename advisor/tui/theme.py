"""The app's own colours, dark and light; every Textual theme works too, since styles name tokens only."""

from textual.theme import Theme

DARK = Theme(
    name="advisor-dark",
    dark=True,
    primary="#7aa2f7",
    secondary="#9aa5ce",
    accent="#e0af68",
    foreground="#c8d0e8",
    background="#15171e",
    surface="#1b1e27",
    panel="#262a36",
    success="#8fbf7f",
    warning="#e0af68",
    error="#e57a83",
    variables={
        "block-cursor-background": "#2f3a5c",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#272d40",
        "footer-background": "#1b1e27",
        "footer-key-foreground": "#e0af68",
        "input-selection-background": "#7aa2f7 30%",
    },
)

LIGHT = Theme(
    name="advisor-light",
    dark=False,
    primary="#2f5fc4",
    secondary="#55617d",
    accent="#9a5b00",
    foreground="#23283a",
    background="#f6f7fa",
    surface="#eceef4",
    panel="#dce0ea",
    success="#2e7d32",
    warning="#9a5b00",
    error="#b3261e",
    variables={
        "block-cursor-background": "#c9d6f5",
        "block-cursor-foreground": "#10131c",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#dde3f2",
        "footer-key-foreground": "#9a5b00",
    },
)
