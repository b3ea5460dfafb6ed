import { behavesLikeApprovalStore } from '../store/behavesLikeApprovalStore.js';
import { behavesLikeStateStore } from '../store/behavesLikeStateStore.js';
import { behavesLikeTaskStore } from '../store/behavesLikeTaskStore.js';
import { SharedMemoryStore } from './SharedMemoryStore.js';

for (const later of [false, true]) {
  const name = `SharedMemoryStore${later ? ', slow,' : ''}`;
  const stores = new WeakMap<object, SharedMemoryStore>();
  const known = <T extends object>(store: SharedMemoryStore, part: T): T => (stores.set(part, store), part);
  const tasksOf = (store: SharedMemoryStore): SharedMemoryStore['tasks'] => known(store, store.tasks);

  behavesLikeTaskStore(name, () => tasksOf(new SharedMemoryStore({ later })), {
    another: (tasks) => tasksOf((stores.get(tasks) as SharedMemoryStore).another()),
    reopen: async (tasks) => {
      await tasks.close?.();
      return tasksOf((stores.get(tasks) as SharedMemoryStore).another());
    },
  });
  behavesLikeApprovalStore(name, () => new SharedMemoryStore({ later }).approvals);
  behavesLikeStateStore(
    name,
    () => new SharedMemoryStore({ later }),
    (store) => (store as SharedMemoryStore).another(),
  );
}
