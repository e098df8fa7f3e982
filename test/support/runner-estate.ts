/** Houses that end with the test that built them. */
import { afterEach } from 'vitest';
import { buildHouse } from './runner-house.ts';
import type { House, HouseParts } from './runner-house.ts';

export interface Estate {
  build(parts: HouseParts): House;
  /** Builds one and begins to execute runs. */
  open(parts: HouseParts): Promise<House>;
}

/** Call it once in a test file. */
export function estate(): Estate {
  const houses: House[] = [];
  afterEach(async () => {
    for (const house of houses.splice(0)) await house.runner.stop({ graceMs: 0 });
  });
  const build = (parts: HouseParts): House => {
    const house = buildHouse(parts);
    houses.push(house);
    return house;
  };
  return {
    build,
    async open(parts) {
      const house = build(parts);
      await house.runner.start();
      return house;
    },
  };
}
