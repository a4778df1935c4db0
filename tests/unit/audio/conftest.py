from tests.fixtures.speech import espeak as espeak
