/** Where the states and the moves between them are drawn: lying on a wide page, standing on a narrow one. */
import type { MigrationState } from '../../migration/states.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly name: 'wide' | 'narrow';
  readonly width: number;
  readonly height: number;
  readonly boxes: Readonly<Record<MigrationState, Box>>;
  /** The line of a move, as an SVG path. */
  readonly lines: Readonly<Record<string, string>>;
}

export const lineName = (from: MigrationState, to: MigrationState): string => `${from}>${to}`;

const wide = (x: number, y = 4): Box => ({ x, y, width: 160, height: 80 });
const narrow = (y: number): Box => ({ x: 30, y, width: 158, height: 78 });

export const LAYOUTS: readonly Layout[] = [
  {
    name: 'wide',
    width: 1120,
    height: 210,
    boxes: {
      OLD: wide(2),
      MIGRATING: wide(241),
      CATCHING_UP: wide(480),
      DUAL: wide(719),
      NEW: wide(958),
      RETREATING: wide(122, 108),
    },
    lines: {
      'OLD>MIGRATING': 'M162 44H234',
      'MIGRATING>CATCHING_UP': 'M401 44H473',
      'CATCHING_UP>DUAL': 'M640 44H712',
      'DUAL>NEW': 'M879 44H951',
      'MIGRATING>RETREATING': 'M321 84V140Q321 148 313 148H289',
      'RETREATING>OLD': 'M122 148H98Q90 148 90 140V91',
      'DUAL>OLD': 'M799 84V196Q799 204 791 204H50Q42 204 42 196V91',
    },
  },
  {
    name: 'narrow',
    width: 344,
    height: 522,
    boxes: {
      OLD: narrow(4),
      MIGRATING: narrow(112),
      CATCHING_UP: narrow(220),
      DUAL: narrow(328),
      NEW: narrow(436),
      RETREATING: { x: 202, y: 58, width: 140, height: 78 },
    },
    lines: {
      'OLD>MIGRATING': 'M109 82V105',
      'MIGRATING>CATCHING_UP': 'M109 190V213',
      'CATCHING_UP>DUAL': 'M109 298V321',
      'DUAL>NEW': 'M109 406V429',
      'MIGRATING>RETREATING': 'M188 163H264Q272 163 272 157V143',
      'RETREATING>OLD': 'M272 58V40Q272 32 264 32H195',
      'DUAL>OLD': 'M30 367H14Q6 367 6 359V51Q6 43 14 43H23',
    },
  },
];
