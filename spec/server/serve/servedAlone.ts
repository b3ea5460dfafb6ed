// A server in a process of its own, whose sockets are its own too. Tells its address, and ends with its parent.
import { callerWith, serve } from '../../support/serve.js';
import { tenantNamed, testRoutes } from './testRoutes.js';

const callers = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`agent${i}`, callerWith(['decide'], { id: `k${i}` })]));
const served = await serve({ routes: testRoutes(), callers, tenants: [tenantNamed('default')] });
process.send?.(served.url);
process.on('disconnect', () => process.exit(0));
