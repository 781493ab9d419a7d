"""Words as people of a region say them, and as novels write it: "sah", "yer", "gwine".

The list is by hand. It has what is common in novels, is said otherwise than the standard word, and seldom stands for
something else: "de" and "dis" are left out, as a recognizer that spells by letters writes them for "the" and "this". A
verbatim transcript has these words; a corrector takes them for misspellings.
"""

from fairseq_asr_correct.english.frequencies import zipf

_AMERICAN_SOUTH = """
    sah suh massa marse gwine dat dey dem dere dese wid wif ole chile nebber ebber ebery nuffin sho po' fo' mo'
    yo' yo'self cain't caint yassuh yessuh marster hit's
"""
_AMERICAN = """
    ain't ef ez jes jest git gits gittin wuz sez thar whar hyar mebbe feller fellers critter critters varmint purty
    pooty pow'ful sartin sartinly sarvant larn larned heerd knowed growed drownded yander yonder leetle wunst onct
    tole cuss cusses nuss wuss fust hoss hosses s'pose reckon yit yistiddy allus allers howdy y'all marm pap maw ornery
    sech nothin somethin goin comin doin lookin talkin lickin sufferin
"""
_BRITISH = """
    ye yer yerself em 'em 'er 'im 'is 'ere 'ow 'ave 'ad 'ome 'ouse 'ead 'ell 'appen wot wiv nuthin nowt owt summat mun
    nobbut oop hisself theirselves ourn hisn hern yourn o' th' t' wi' an' guv'nor guv lass lassie laddie bairn bairns
"""
_SCOTTISH_AND_IRISH = """
    nae dinna canna wasna didna couldna wouldna wadna haud hae gie gied guid wee aye ken kens auld frae mair sae whaur
    nane muckle aboot toun hoose begorra yez yiz divil ould spalpeen faix shure jist
"""
_EVERYWHERE = """
    gonna wanna gotta kinda sorta lemme gimme dunno c'mon coulda woulda shoulda oughta outta lotta 'tis tis 'twas twas
    'cause 'bout 'round t'other wi wi' thro thro' tho tho' altho oft gulph yore creeter creeters
"""
DIALECT = frozenset((_AMERICAN_SOUTH + _AMERICAN + _BRITISH + _SCOTTISH_AND_IRISH + _EVERYWHERE).split())


def is_dialect(word: str) -> bool:
    """Whether a word, in lower case, is one that dialect has where standard English has another."""
    return word in DIALECT or _drops_its_g(word)


def _drops_its_g(word: str) -> bool:
    """Whether it is a word in "-ing" as many people say it: "sayin"."""
    return len(word) > 4 and word.endswith("in") and zipf(word + "g") > zipf(word) + 1
