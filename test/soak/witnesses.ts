import { zoneName } from '../../src/protocol/names.ts';
import { Caller } from './caller.ts';
import { type House, type Status, zoneRoot } from './house.ts';
import { Residents } from './residents.ts';
import { Inspection } from './inspection.ts';
import { Ledger } from './ledger.ts';
import { Neighbours } from './neighbours.ts';
import type { Random } from './random.ts';

/** Those who use one home and its cloud, and what they remember of it. */
export interface Witnesses {
  ledger: Ledger;
  residents: Residents;
  inspection: Inspection;
  neighbours: Neighbours;
  close: () => void;
}

/** The residents has claimed the box that says `status`. */
export async function witnessesOf(house: House, status: Status, random: Random): Promise<Witnesses> {
  const ledger = new Ledger();
  ledger.boxId = status.boxId;
  const box = new Caller({ port: house.ports.web, host: zoneName(status.boxId, zoneRoot) });
  const residents = new Residents({ box, ledger, random });
  const neighbours = await Neighbours.open(house, ledger, random);
  await residents.claim(status.setupCode ?? '');
  return {
    ledger,
    residents,
    neighbours,
    inspection: new Inspection({ residents, ledger }),
    close: () => {
      box.close();
      neighbours.close();
    },
  };
}
