import { shortId } from '../../protocol/names.ts';
import { type Check, failure, ok, warning } from './check.ts';

/** Is there an identity, and can it be read? */
export const identityCheck: Check = {
  name: 'identity',
  run: async ({ identity, config }) => {
    const found = await identity;
    if (found !== undefined) return ok(`box id ${shortId(found.boxId)}… in ${config.state}`);
    return failure(
      `there is none in ${config.state}`,
      'it is made when the box first starts; or name the box’s state folder with --state',
    );
  },
};

/** Does a box run on this machine, and what does it say of its parts? */
export const boxCheck: Check = {
  name: 'box',
  run: async ({ status, config }) => {
    const said = await status;
    if (said === undefined) {
      return failure(
        `no box answers on 127.0.0.1:${config.system.port}`,
        'start it (porchlight box), or say where it runs with --system.port',
      );
    }
    const wrong = said.conditions.filter(({ severity }) => severity !== 'ok');
    if (wrong.length === 0) return ok('it runs, and all its parts work');
    const found = `it runs; it reports ${wrong.map(({ name, message }) => `${name}: ${message}`).join('; ')}`;
    const remedy = wrong.flatMap((condition) => condition.remedy ?? []).join('; ');
    const tell = said.health === 'error' ? failure : warning;
    return tell(found, remedy === '' ? 'see porchlight status, and the lines below' : remedy);
  },
};
