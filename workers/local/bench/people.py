"""What plausible orders are made of: the common names and cities; rare ones are put together."""

from typing import Final

FIRST_NAMES: Final = """
Maria James Ana John José Robert Michael Carlos William David João Paulo Pedro Lucas Antonio Francisco
Luis Juan Manuel Jorge Sofía Lucía Martina Valentina Isabella Emma Olivia Charlotte Amelia Mia Mary Patricia
Jennifer Linda Elizabeth Barbara Susan Jessica Karen Sarah Lisa Nancy Sandra Betty Ashley Emily Kimberly
Margaret Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Sharon Laura Cynthia Dorothy Amy
Thomas Christopher Charles Daniel Matthew Anthony Mark Donald Steven Andrew Kenneth Joshua Kevin Brian
George Timothy Ronald Jason Edward Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen Larry Justin
Fernanda Juliana Camila Letícia Beatriz Gabriela Rafael Bruno Felipe Gustavo Rodrigo Marcelo Thiago André
Hans Jürgen Karl-Heinz Ursula Günther Renate Björn Søren Ingrid Łukasz Zofia François Chloé Élodie Anaïs
Mohammed Fatima Ahmed Aisha Wei Li Yuki Haruto Priya Arjun Ivan Olga Dmitri Natalia
""".split()
LAST_NAMES: Final = """
Silva Santos Oliveira Souza Rodrigues Ferreira Alves Pereira Lima Gomes Costa Ribeiro Martins Carvalho
Almeida Lopes Soares Fernandes Vieira Barbosa Smith Johnson Williams Brown Jones Garcia Miller Davis
Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez
Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres
Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gómez Phillips
Evans Turner Díaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers Gutierrez
Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez
Wood James Bennett Gray Mendoza Ruiz Hughes Price Álvarez Castillo Sanders Patel Myers Long Ross Foster
Jiménez Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer
Dubois Moreau Laurent Lefebvre Rossi Russo Ferrari Esposito Bianchi Kowalski Nowak Jansen Visser
O'Brien O'Connor MacDonald García-López Wang Zhang Chen Liu Tanaka Suzuki Singh Kumar Ivanov Petrov
""".split()
CITIES: Final = """
São_Paulo Rio_de_Janeiro Belo_Horizonte Brasília Salvador Fortaleza Curitiba Recife Porto_Alegre Goiânia
New_York Los_Angeles Chicago Houston Phoenix Philadelphia San_Antonio San_Diego Dallas Austin Jacksonville
Columbus Charlotte Indianapolis Seattle Denver Boston Nashville Portland Las_Vegas Detroit Memphis
Baltimore Milwaukee Albuquerque Tucson Fresno Sacramento Kansas_City Atlanta Omaha Miami Oakland Minneapolis
Madrid Barcelona Valencia Sevilla Zaragoza Málaga Murcia Bilbao Lisboa Porto Braga Coimbra London Manchester
Birmingham Leeds Glasgow Liverpool Bristol Dublin Cork Berlin Hamburg München Köln Frankfurt Stuttgart
Düsseldorf Leipzig Dortmund Paris Marseille Lyon Toulouse Nice Nantes Milano Roma Napoli Torino Wien Zürich
Amsterdam Rotterdam Bruxelles Warszawa Kraków Łódź Praha Budapest Stockholm Göteborg Oslo København
Ciudad_de_México Guadalajara Monterrey Bogotá Medellín Lima Santiago Buenos_Aires Córdoba Montevideo
""".replace("\n", " ").split()
# Three of these make a rare family name, two a small place.
SYLLABLES: Final = """
ba be bra ca cor da del dor fa fer gal gar hen hol is ka kel kin la lan lo mar mel mi mon na ner no or pe
ra ri ro sa sen sha so sten ta tel to tra ul va ver vi wal wen wo ya zan zu
""".split()
PRODUCTS: Final = """
LAMP CHAIR TABLE SHELF MUG PLATE SHIRT JEANS SOCKS SHOES BAG WATCH PHONE CASE CABLE MOUSE DESK RUG VASE
CLOCK BOOK PEN BIKE HELMET TENT BOTTLE TOWEL PILLOW SOFA MIRROR
""".split()
