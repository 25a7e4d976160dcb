"""Keyboard layouts offered by name; xkeyboard-config knows more, and any of its names is accepted."""

LAYOUTS = (
    ("us", "English (US)"), ("us-intl", "English (US, international)"), ("gb", "English (UK)"), ("de", "German"),
    ("at", "German (Austria)"), ("ch", "German (Switzerland)"), ("ch-fr", "French (Switzerland)"), ("fr", "French"),
    ("be", "Belgian"), ("ca", "French (Canada)"), ("es", "Spanish"), ("latam", "Spanish (Latin America)"),
    ("pt", "Portuguese"), ("br", "Portuguese (Brazil)"), ("it", "Italian"), ("nl", "Dutch"), ("dk", "Danish"),
    ("no", "Norwegian"), ("se", "Swedish"), ("fi", "Finnish"), ("is", "Icelandic"), ("pl", "Polish"), ("cz", "Czech"),
    ("sk", "Slovak"), ("hu", "Hungarian"), ("si", "Slovenian"), ("hr", "Croatian"), ("rs", "Serbian"),
    ("ro", "Romanian"), ("bg", "Bulgarian"), ("gr", "Greek"), ("tr", "Turkish"), ("ru", "Russian"), ("ua", "Ukrainian"),
    ("ee", "Estonian"),
    ("lv", "Latvian"), ("lt", "Lithuanian"), ("il", "Hebrew"), ("ara", "Arabic"), ("ir", "Persian"), ("in", "Indian"),
    ("th", "Thai"), ("jp", "Japanese"), ("kr", "Korean"), ("cn", "Chinese"),
)  # fmt: skip
