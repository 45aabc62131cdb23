// A certificate of localhost and dids.test that signs itself, and its key. They were made for these tests,
// are good until 2126, and are trusted nowhere else.
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBqzCCAVKgAwIBAgIUGXTk98AyPCwBH+XbV87qPzOPoP0wCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPQWlyd29ydGh5IHRlc3RzMCAXDTI2MTEyMjA5MjAxNVoYDzIx
MjYxMDI5MDkyMDE1WjAaMRgwFgYDVQQDDA9BaXJ3b3J0aHkgdGVzdHMwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAASsT+tC3lT4/oixb9LfeqW42l+RXaO/cnXcsFla
AiL8OsVe1pZxMoTEW2OcGmWoMn3qTr64ayOoYPWa78WXBDY5o3QwcjAdBgNVHQ4E
FgQUtMMG7oHyViG/abHAf01lUU5kcVUwHwYDVR0jBBgwFoAUtMMG7oHyViG/abHA
f01lUU5kcVUwHwYDVR0RBBgwFoIJbG9jYWxob3N0gglkaWRzLnRlc3QwDwYDVR0T
AQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBJBHHKcfW4psy36iSlwx6DnhEB
5oZb1VkxMpzxQ+2T2AIgTY5BSPrMRI1tMUBa7vaNP2zrMFsR3Te/wwgYP0U97zU=
-----END CERTIFICATE-----
`

export const certificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvSkn7SWOx7I+w1/W
AMHPoN60dr91EBgVCoV3oy9RAcehRANCAASsT+tC3lT4/oixb9LfeqW42l+RXaO/
cnXcsFlaAiL8OsVe1pZxMoTEW2OcGmWoMn3qTr64ayOoYPWa78WXBDY5
-----END PRIVATE KEY-----
`
