"""English words that hold a sentence together, the closed classes, which recognizers drop, add and confuse."""

FUNCTION_WORDS = frozenset(
    """
    a an the this that these those my your his her its our their whose which what who whom i you he she it we they me
    him us them mine yours hers ours theirs myself yourself himself herself itself ourselves themselves one's some any
    no each every either neither both all such other another there here
    of in on at to for from with by as into onto upon about over under through between among against during before
    after above below up down out off near since until till toward towards within without than like
    and or but nor so yet if because although though while when where whether how why then not
    am is are was were be been being have has had having do does did doing will would shall should can could may might
    must ought i'm i've i'll i'd you're you've you'll you'd he's he'll he'd she's she'll she'd it's it'll we're we've
    we'll we'd they're they've they'll they'd that's there's who's what's isn't aren't wasn't weren't haven't hasn't
    hadn't don't doesn't didn't won't wouldn't shan't shouldn't can't cannot couldn't mustn't let's
    """.split()  # noqa: SIM905  (as a text it can be read)
)
