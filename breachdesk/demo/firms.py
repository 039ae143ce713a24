"""The provider's fifty customers: all invented, under .example (RFC 2606), telephone numbers from
Ofcom's range for drama. One row a customer: id, name, holder, town code, what they have with us.

Services: m = Microsoft 365, h = hosted mail, w = website, b = backup, l = broadband line,
p = support passwords. The order gives the account number in the billing panel, from 1001.
"""

from __future__ import annotations

ROWS = """\
adderley-motors|Adderley Motors Ltd|Priya Nair|1632|hw
alder-vets|Alder Lane Veterinary Centre|Tom Oduya|1632|mwb
amber-yoga|Amber Yoga Studio|Lena Marsh|1632|hw
ashby-roofing|Ashby Roofing Ltd|Carl Denton|1632|h
barley-bakery|Barley & Crumb Bakery|Ruth Ainsley|1632|hwl
beacon-tutors|Beacon Tutors Ltd|Owen Pryce|1632|mw
hartwell-dental|Hartwell Dental Practice|Miriam Hale|1632|mwbp
birch-optics|Birch Opticians|Sunita Rao|1632|mw
bramley-care|Bramley Homecare Ltd|Helen Foss|1632|mwb
brackley-prints|Brackley Print Works|Ian Tulloch|1632|hwl
brook-nursery|Brookside Day Nursery|Karen Whit|1632|mw
calder-surveys|Calder Surveyors LLP|Neil Farrow|1632|mwb
candle-theatre|Candlelight Theatre Trust|Joan Ferris|1632|hw
cedar-legal|Cedar Legal Services Ltd|Aisha Khan|1632|mwbp
chalk-pottery|Chalk Hill Pottery|Ben Stroud|1632|w
clover-farm|Cloverfield Farm Shop|Mary Ludd|1632|hwl
copper-kettle|The Copper Kettle Tearoom|Ann Gribble|1632|h
cranmer-plumbing|Cranmer Plumbing & Heating|Dev Patel|1632|hw
delta-couriers|Delta Couriers Ltd|Sam Okafor|1632|mwl
dunmore-estates|Dunmore Estate Agents|Claire Boyd|1632|mwb
elm-physio|Elm Road Physiotherapy|Rob Tanner|1632|mw
ember-stoves|Ember Stoves Ltd|Liz Corrin|1632|hw
fable-books|Fable & Page Bookshop|Hugo Lind|1632|hw
fern-florist|Fernleigh Florists|Tina Marlow|1632|w
finch-accounts|Finchley Row Accountants|George Amadi|1632|mwbp
foxglove-hotel|Foxglove Country Hotel|Nadia Speer|1632|mwbl
garnet-jewels|Garnet Jewellers|Ivan Petrov|1632|hw
glebe-school|Glebe House School|Martin Cole|1632|mwb
granary-events|Granary Events Ltd|Zoe Flint|1632|hw
harbour-chandlery|Harbourside Chandlery|Pete Moss|1632|hw
hazel-design|Hazelwood Design Studio|Fay Turner|1632|mw
heron-golf|Heron Water Golf Club|Colin Reid|1632|mwl
ivy-interiors|Ivy Court Interiors|Dora Finn|1632|h
juniper-hr|Juniper HR Consulting|Beth Yarrow|1632|mwb
kestrel-security|Kestrel Alarms Ltd|Leon Shaw|1632|mwp
kiln-ceramics|Kiln Street Ceramics|Uma Desai|1632|w
lark-travel|Larkspur Travel|Frank Odell|1632|mw
linden-funerals|Linden Funeral Directors|Grace Holt|1632|mwb
lockwood-timber|Lockwood Timber Merchants|Alan Sykes|1632|hwl
marlow-finch|Marlow & Finch Solicitors|Edith Marlow|1632|mwbp
meadow-dairy|Meadowgate Dairy|Jack Thorn|1632|hl
millrace-brewery|Millrace Brewery Ltd|Nora Quinn|1632|hw
northgate-gym|Northgate Gym|Kyle Brent|1632|hw
oakham-joinery|Oakham Joinery Ltd|Steve Rudd|1632|h
orchard-surgery|Orchard Street Surgery|Dr Amy Wells|1632|mwb
pike-engineering|Pike & Sons Engineering|Harold Pike|1632|mwb
quill-recruitment|Quill Recruitment Ltd|Esme Grant|1632|mwb
rowan-charity|Rowan Tree Charity|Paul Dean|1632|mw
saddlers-inn|The Saddlers Inn|Moira Kent|1632|hwl
willow-lettings|Willow Bank Lettings|Chris Vale|1632|mw
"""
