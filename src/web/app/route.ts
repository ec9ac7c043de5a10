import { useEffect, useState } from 'preact/hooks';
import { type BoxId, isBoxId } from '../../protocol/constants.ts';

/** `start`: the box used last, or finding one. */
export type Route = { name: 'start' } | { name: 'find' } | { name: 'boxes' } | { name: 'box'; id: BoxId };

export function routeOf(hash: string): Route {
  const [, name, id] = /^#\/(find|boxes|box)(?:\/([a-z2-7]+))?$/.exec(hash) ?? [];
  if (name === 'box') return id !== undefined && isBoxId(id) ? { name, id } : { name: 'start' };
  return name === 'find' || name === 'boxes' ? { name } : { name: 'start' };
}

export const hrefTo = (route: Route): string => {
  if (route.name === 'start') return '#/';
  return route.name === 'box' ? `#/box/${route.id}` : `#/${route.name}`;
};

export function goTo(route: Route): void {
  location.hash = hrefTo(route);
}

/** `moved`: somebody went there from another route of this page. */
export function useRoute(): { route: Route; moved: boolean } {
  const [{ hash, moved }, set] = useState({ hash: location.hash, moved: false });
  useEffect(() => {
    const changed = (): void => set({ hash: location.hash, moved: true });
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return { route: routeOf(hash), moved };
}
