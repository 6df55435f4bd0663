// CallerCompile LISTING.txt OUT.cs
// Writes the C# declarations of every public member in LISTING (one a line; what the real package offers), with bodies that throw. A caller that compiles
// against the assembly built from them binds to the real package too: also where the real one has more overloads than a stand-in. See ./run.
using Mim.CallerCompile;

if (args is not [var listing, var output])
{
    Console.Error.WriteLine("usage: CallerCompile LISTING.txt OUT.cs");
    return 2;
}
File.WriteAllText(output, new Surface(File.ReadLines(listing).Where(line => !line.StartsWith('#'))).ToSource());
return 0;
