"""The caller's settings win; what the stack brings along never mixes with real credentials."""

from __future__ import annotations

import unittest

from .settings import Settings

# Identity from the caller, so that no key file is read.
OTHER_IDENTITY = {"CLERK_JWT_KEY": "pem", "CLERK_ISSUER": "https://issuer.example"}


class ServerSettings(unittest.TestCase):
    """`Settings` over made-up environments."""

    def test_settings_of_the_caller_win(self) -> None:
        given = {**OTHER_IDENTITY, "LOG_LEVEL": "debug", "GROQ_API_KEY": "k", "EMBEDDINGS": "openai:small"}
        # Set to nothing is not set.
        result = Settings({**given, "BUCKET": ""}).for_server(None, None, "127.0.0.1:0")
        self.assertEqual({name: result[name] for name in given}, given)
        self.assertEqual(result["BUCKET"], "footnote")
        self.assertNotIn("EMBEDDER_DIR", result)
        self.assertNotIn("DEV_SIGNING_KEY_FILE", result)

    def test_what_the_caller_names_is_not_started(self) -> None:
        self.assertFalse(Settings({"DATABASE_URL": "postgres://x"}).needs_postgres)
        self.assertFalse(Settings({"AWS_ENDPOINT_URL": "http://x"}).needs_objects)
        self.assertFalse(Settings({"BUCKET": "b", "AWS_PROFILE": "p"}).needs_objects)
        self.assertTrue(Settings({"BUCKET": "b"}).needs_objects)
        self.assertTrue(Settings({"AWS_PROFILE": "p"}).needs_objects)

    def test_real_credentials_do_not_reach_the_local_store(self) -> None:
        given = {**OTHER_IDENTITY, "AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real", "AWS_SESSION_TOKEN": "real"}
        result = Settings(given).for_server(None, "http://127.0.0.1:1", "127.0.0.1:0")
        self.assertNotIn("real", result.values())


if __name__ == "__main__":
    unittest.main()
