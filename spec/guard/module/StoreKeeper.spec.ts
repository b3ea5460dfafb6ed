import { expect } from 'chai';
import { durableModule } from '../../support/durableModules.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';

describe('StoreKeeper', () => {
  it('starts nothing in a module that was closed while its code was loaded', async () => {
    const store = new SharedMemoryStore();
    const module = durableModule(store);
    const ready = module.ready();
    await module.close();
    await ready;
    expect(await store.tasks.isLive(store.ownerId, Date.now())).to.equal(false);
  });

  it('has a process known to the store once the module is ready', async () => {
    const store = new SharedMemoryStore();
    const module = durableModule(store);
    await module.ready();
    expect(await store.tasks.isLive(store.ownerId, Date.now())).to.equal(true);
    await module.close();
  });
});
