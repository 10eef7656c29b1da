"""Register-level models of the chips on the boards.

They are written from the data sheets, apart from the firmware's drivers, so that a driver's mistake
shows. Each SPI model takes one chip-select transaction at a time; the block kernels
`fill_frames` and `words_to_volts` convert the sample streams of all boards at once.
"""

from nullfield.virtual.chips.ads131m08 import Ads131m08, fill_frames
from nullfield.virtual.chips.ads1220 import Ads1220
from nullfield.virtual.chips.ltc2688 import Ltc2688, words_to_volts
from nullfield.virtual.chips.tmc2209 import Tmc2209

__all__ = ["Ads131m08", "Ads1220", "Ltc2688", "Tmc2209", "fill_frames", "words_to_volts"]
