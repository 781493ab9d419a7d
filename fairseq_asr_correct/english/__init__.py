"""What is known of English without any model. It imports ``errors`` and ``files``.

``frequencies``   how common words are in general English
"""
