import type { EntityValue, RecordValue } from './Value.js';

/** An entity with its attributes and direct parents. */
export interface Entity {
  readonly uid: EntityValue;
  readonly attributes: RecordValue;
  readonly parents: readonly EntityValue[];
}

interface Node {
  readonly entity: Entity;
  /** Ids of all entities above, by type: never joined, for type `A` with id `B::x` is not type `A::B` with id `x`. */
  readonly ancestors: Map<string, Set<string>>;
}

/** Entities and who is in whom. Parents need not be known themselves. */
export class EntityGraph {
  readonly entities: readonly Entity[];
  readonly #nodes = new Map<string, Map<string, Node>>();

  /** @throws Error where an entity is given twice, or is above itself */
  constructor(entities: readonly Entity[]) {
    this.entities = entities;
    for (const entity of entities) {
      const { type, id } = entity.uid;
      const ofType = this.#nodes.get(type) ?? new Map<string, Node>();
      if (ofType.has(id)) throw new Error('an entity is given twice');
      this.#nodes.set(type, ofType.set(id, { entity, ancestors: new Map() }));
    }
    for (const ofType of this.#nodes.values()) for (const node of ofType.values()) this.#climb(node);
  }

  /** The attributes of an entity; undefined where it is not known. */
  attributesOf(uid: EntityValue): RecordValue | undefined {
    return this.#find(uid)?.entity.attributes;
  }

  /** Whether an entity is, or is anywhere below, another. */
  isIn(inner: EntityValue, outer: EntityValue): boolean {
    if (inner.id === outer.id && inner.type === outer.type) return true;
    return this.#find(inner)?.ancestors.get(outer.type)?.has(outer.id) === true;
  }

  #find({ type, id }: EntityValue): Node | undefined {
    return this.#nodes.get(type)?.get(id);
  }

  #climb({ entity, ancestors }: Node): void {
    const above = [...entity.parents];
    // the list grows while it is walked
    for (const uid of above) {
      const { type, id } = uid;
      if (type === entity.uid.type && id === entity.uid.id) throw new Error('an entity is above itself');
      const ofType = ancestors.get(type) ?? new Set<string>();
      if (ofType.has(id)) continue;
      ancestors.set(type, ofType.add(id));
      above.push(...(this.#find(uid)?.entity.parents ?? []));
    }
  }
}
