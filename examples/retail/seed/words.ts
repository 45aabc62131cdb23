// The invented catalogue and the names the generator draws from.

export const PRODUCT_TYPES: { name: string; cents: number; options: Record<string, string[]> }[] = [
  {
    name: 'Rain Jacket',
    cents: 8_900,
    options: { size: ['S', 'M', 'L'], colour: ['moss', 'rust'] },
  },
  { name: 'Wool Scarf', cents: 3_450, options: { colour: ['grey', 'plum', 'sand'] } },
  { name: 'Trail Socks', cents: 1_690, options: { size: ['small', 'large'], pack: ['1', '3'] } },
  {
    name: 'Canvas Tote',
    cents: 2_290,
    options: { colour: ['ecru', 'ink'], strap: ['short', 'long'] },
  },
  {
    name: 'Linen Apron',
    cents: 3_990,
    options: { colour: ['flax', 'slate'], fit: ['bib', 'waist'] },
  },
  { name: 'Pour-Over Set', cents: 5_640, options: { cups: ['2', '4'], filter: ['paper', 'mesh'] } },
  { name: 'Cast-Iron Pan', cents: 6_775, options: { diameter: ['20 cm', '26 cm', '30 cm'] } },
  { name: 'Bread Tin', cents: 1_875, options: { length: ['23 cm', '30 cm'], lid: ['yes', 'no'] } },
  {
    name: 'Spice Grinder',
    cents: 4_120,
    options: { drive: ['hand', 'motor'], burr: ['steel', 'stone'] },
  },
  {
    name: 'Oak Stool',
    cents: 11_900,
    options: { height: ['45 cm', '65 cm'], finish: ['oiled', 'raw'] },
  },
  {
    name: 'Reading Chair',
    cents: 48_950,
    options: { cover: ['wool', 'corduroy'], legs: ['ash', 'walnut'] },
  },
  {
    name: 'Wall Shelf',
    cents: 7_430,
    options: { width: ['60 cm', '90 cm'], wood: ['pine', 'beech'] },
  },
  { name: 'Paper Lantern', cents: 2_780, options: { shape: ['round', 'oval'], size: ['M', 'L'] } },
  {
    name: 'Night Lamp',
    cents: 5_310,
    options: { power: ['mains', 'battery'], shade: ['opal', 'amber'] },
  },
  {
    name: 'Pocket Radio',
    cents: 6_480,
    options: { band: ['FM', 'DAB'], colour: ['cream', 'teal'] },
  },
  {
    name: 'Field Recorder',
    cents: 27_990,
    options: { tracks: ['2', '4'], storage: ['32 GB', '128 GB'] },
  },
  {
    name: 'Travel Tripod',
    cents: 14_325,
    options: { material: ['aluminium', 'carbon'], head: ['ball', 'pan'] },
  },
  { name: 'Desk Clock', cents: 4_865, options: { dial: ['white', 'black'], alarm: ['yes', 'no'] } },
  { name: 'Fountain Pen', cents: 7_210, options: { nib: ['F', 'M', 'B'], ink: ['blue', 'sepia'] } },
  {
    name: 'Sketch Pad',
    cents: 1_340,
    options: { format: ['A5', 'A4', 'A3'], paper: ['smooth', 'rough'] },
  },
  {
    name: 'Garden Shears',
    cents: 3_715,
    options: { hand: ['left', 'right'], blade: ['bypass', 'anvil'] },
  },
  { name: 'Seed Tray', cents: 1_155, options: { cells: ['24', '48'], cover: ['with', 'without'] } },
  { name: 'Camping Hammock', cents: 5_980, options: { persons: ['1', '2'], net: ['yes', 'no'] } },
  {
    name: 'Folding Kayak',
    cents: 89_500,
    options: { seats: ['1', '2'], hull: ['green', 'orange'] },
  },
  {
    name: 'Bicycle Bell',
    cents: 1_960,
    options: { metal: ['brass', 'steel'], tone: ['high', 'low'] },
  },
]

const ADA_TO_JOVANA = 'Ada Bela Ciro Dagny Eskil Femke Goran Hanne Idris Jovana'
const KAITO_TO_TARIQ = 'Kaito Leda Milo Nadja Oskar Petra Quentin Runa Selma Tariq'
export const FIRST_NAMES = `${ADA_TO_JOVANA} ${KAITO_TO_TARIQ}`.split(' ')

const ABARA_TO_HOLLANDER = 'Abara Birkeland Castell Drummond Eklund Fontaine Grimaldi Hollander'
const IVANEK_TO_PEREIRA = 'Ivanek Jessop Kallio Lindqvist Moravec Novak Okonjo Pereira'
export const LAST_NAMES = `${ABARA_TO_HOLLANDER} ${IVANEK_TO_PEREIRA}`.split(' ')

export const STREETS = [
  'Mill Lane',
  'Harbour Road',
  'Quarry Street',
  'Orchard Row',
  'Foundry Yard',
  'Ferry Street',
  'Chapel Hill',
  'Weavers Court',
]

export const CITIES = [
  { city: 'Springfield', state: 'IL', zip: '627' },
  { city: 'Duluth', state: 'MN', zip: '558' },
  { city: 'Eugene', state: 'OR', zip: '974' },
  { city: 'Savannah', state: 'GA', zip: '314' },
  { city: 'Burlington', state: 'VT', zip: '054' },
  { city: 'Tucson', state: 'AZ', zip: '857' },
]

export const CARD_BRANDS = ['visa', 'mastercard']
